"""Child seats: opinions and signatures that somebody asks for inside his own activity instance, before it is decided."""
