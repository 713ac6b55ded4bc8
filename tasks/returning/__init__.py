"""Going back and steering a whole case: return, resubmission, withdrawal, jump, ending, suspension. Each is one modification of the marking."""
