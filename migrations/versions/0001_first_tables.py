"""The first tables."""

from alembic import op
import sqlalchemy as sa

revision = '0001'
down_revision = None


def upgrade() -> None:
    op.create_table('attachment_content',
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('size', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_attachment_content'))
    )
    op.create_table('buffered_message',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('idempotency_key', sa.String(length=200), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('correlation_key', sa.String(length=200), nullable=True),
    sa.Column('payload', sa.LargeBinary(), nullable=True),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('delivered_to', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('delivered_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_buffered_message')),
    sa.UniqueConstraint('idempotency_key', name=op.f('uq_buffered_message_idempotency_key'))
    )
    op.create_index(op.f('ix_buffered_message_name_correlation_key'), 'buffered_message', ['name', 'correlation_key'], unique=False)
    op.create_table('calendar_change',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('person', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('subject', sa.String(length=200), nullable=False),
    sa.Column('before', sa.String(length=200), nullable=True),
    sa.Column('after', sa.String(length=200), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_calendar_change'))
    )
    op.create_index(op.f('ix_calendar_change_subject_id'), 'calendar_change', ['subject', 'id'], unique=False)
    op.create_table('calendar_day',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('working', sa.Boolean(), nullable=False),
    sa.Column('note', sa.String(length=200), nullable=True),
    sa.PrimaryKeyConstraint('day', name=op.f('pk_calendar_day'))
    )
    op.create_table('calendar_deadline',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('organisation', sa.String(length=200), nullable=False),
    sa.Column('cycle', sa.String(length=20), nullable=False),
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('note', sa.String(length=200), nullable=True),
    sa.Column('changed_by', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_calendar_deadline')),
    sa.UniqueConstraint('organisation', 'cycle', 'key', name=op.f('uq_calendar_deadline_organisation_cycle_key'))
    )
    op.create_table('calendar_year',
    sa.Column('year', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('official', sa.Boolean(), nullable=False),
    sa.Column('source', sa.String(length=200), nullable=True),
    sa.PrimaryKeyConstraint('year', name=op.f('pk_calendar_year'))
    )
    op.create_table('command',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=200), nullable=False),
    sa.Column('status', sa.String(length=20), nullable=False),
    sa.Column('idempotency_key', sa.String(length=200), nullable=True),
    sa.Column('person', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('actor', sa.LargeBinary(), nullable=False),
    sa.Column('argument', sa.LargeBinary(), nullable=False),
    sa.Column('total', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('done', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('succeeded', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('skipped', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('result', sa.LargeBinary(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_command')),
    sa.UniqueConstraint('idempotency_key', name=op.f('uq_command_idempotency_key'))
    )
    op.create_index(op.f('ix_command_person_id'), 'command', ['person', 'id'], unique=False)
    op.create_index(op.f('ix_command_status_id'), 'command', ['status', 'id'], unique=False)
    op.create_table('data_version',
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('version', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_data_version'))
    )
    op.create_table('definition',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('process_id', sa.String(length=200), nullable=False),
    sa.Column('version', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('digest', sa.String(length=200), nullable=False),
    sa.Column('current', sa.Boolean(), nullable=False),
    sa.Column('deployed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('deployed_by', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_definition')),
    sa.UniqueConstraint('process_id', 'version', name=op.f('uq_definition_process_id_version'))
    )
    op.create_table('incident',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('instance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('token', sa.String(length=200), nullable=True),
    sa.Column('node_id', sa.String(length=200), nullable=True),
    sa.Column('kind', sa.String(length=200), nullable=False),
    sa.Column('message', sa.Text(), nullable=False),
    sa.Column('detail', sa.LargeBinary(), nullable=False),
    sa.Column('unique_key', sa.String(length=200), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('resolved_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_incident'))
    )
    op.create_index(op.f('ix_incident_instance_id'), 'incident', ['instance_id'], unique=False)
    op.create_index(op.f('ix_incident_resolved_at_created_at'), 'incident', ['resolved_at', 'created_at'], unique=False)
    op.create_index(op.f('ix_incident_unique_key_resolved_at'), 'incident', ['unique_key', 'resolved_at'], unique=False)
    op.create_table('job',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=200), nullable=False),
    sa.Column('argument', sa.LargeBinary(), nullable=False),
    sa.Column('instance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('run_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('tries', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('maximum_tries', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('unique_key', sa.String(length=200), nullable=True),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_job')),
    sa.UniqueConstraint('unique_key', name=op.f('uq_job_unique_key'))
    )
    op.create_index(op.f('ix_job_run_at'), 'job', ['run_at'], unique=False)
    op.create_table('last_look',
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('instance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('sequence', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('person_id', 'instance_id', name=op.f('pk_last_look'))
    )
    op.create_table('notification',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('candidate', sa.String(length=80), nullable=False),
    sa.Column('kind', sa.String(length=200), nullable=False),
    sa.Column('instance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('seat_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('text', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('unique_key', sa.String(length=200), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notification')),
    sa.UniqueConstraint('unique_key', name=op.f('uq_notification_unique_key'))
    )
    op.create_index(op.f('ix_notification_candidate_id'), 'notification', ['candidate', 'id'], unique=False)
    op.create_index(op.f('ix_notification_instance_id'), 'notification', ['instance_id'], unique=False)
    op.create_table('notification_read',
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('notification_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.PrimaryKeyConstraint('person_id', 'notification_id', name=op.f('pk_notification_read'))
    )
    op.create_table('number_series',
    sa.Column('prefix', sa.String(length=200), nullable=False),
    sa.Column('last', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.PrimaryKeyConstraint('prefix', name=op.f('pk_number_series'))
    )
    op.create_table('opinion_phrase',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('node_id', sa.String(length=200), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('used', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_opinion_phrase')),
    sa.UniqueConstraint('person_id', 'node_id', 'text', name=op.f('uq_opinion_phrase_person_id_node_id_text'))
    )
    op.create_table('organisation',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('code', sa.String(length=200), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('kind', sa.String(length=30), nullable=False),
    sa.Column('parent_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('path', sa.String(length=400).with_variant(sa.String(length=400, collation='C'), 'postgresql'), nullable=False),
    sa.Column('province', sa.String(length=20), nullable=True),
    sa.Column('on_platform', sa.Boolean(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['parent_id'], ['organisation.id'], name=op.f('fk_organisation_parent_id_organisation')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_organisation')),
    sa.UniqueConstraint('code', name=op.f('uq_organisation_code'))
    )
    op.create_index(op.f('ix_organisation_path'), 'organisation', ['path'], unique=False)
    op.create_table('person',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('login', sa.String(length=200), nullable=True),
    sa.Column('password_hash', sa.String(length=200), nullable=True),
    sa.Column('must_change_password', sa.Boolean(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('student_number', sa.String(length=200), nullable=True),
    sa.Column('id_number_cipher', sa.LargeBinary(), nullable=True),
    sa.Column('id_number_index', sa.LargeBinary(), nullable=True),
    sa.Column('id_number_masked', sa.String(length=20), nullable=True),
    sa.Column('mobile_cipher', sa.LargeBinary(), nullable=True),
    sa.Column('mobile_masked', sa.String(length=20), nullable=True),
    sa.Column('language', sa.String(length=10), nullable=True),
    sa.Column('activation_hash', sa.String(length=200), nullable=True),
    sa.Column('activation_expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('failed_logins', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('locked_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('session_version', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_person')),
    sa.UniqueConstraint('id_number_index', name=op.f('uq_person_id_number_index')),
    sa.UniqueConstraint('login', name=op.f('uq_person_login'))
    )
    op.create_table('presence',
    sa.Column('seat_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('seat_id', 'person_id', name=op.f('pk_presence'))
    )
    op.create_table('saved_mapping',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('organisation_code', sa.String(length=200), nullable=False),
    sa.Column('process_id', sa.String(length=200), nullable=False),
    sa.Column('header_digest', sa.String(length=200), nullable=False),
    sa.Column('mapping', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_saved_mapping')),
    sa.UniqueConstraint('organisation_code', 'process_id', 'header_digest', name=op.f('uq_saved_mapping_organisation_code_process_id_header_digest'))
    )
    op.create_table('schedule',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('definition_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('node_id', sa.String(length=200), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_schedule')),
    sa.UniqueConstraint('digest', name=op.f('uq_schedule_digest'))
    )
    op.create_table('security_log',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('kind', sa.String(length=200), nullable=False),
    sa.Column('instance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('address', sa.String(length=200), nullable=True),
    sa.Column('detail', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_security_log'))
    )
    op.create_index(op.f('ix_security_log_at'), 'security_log', ['at'], unique=False)
    op.create_index(op.f('ix_security_log_person_id_at'), 'security_log', ['person_id', 'at'], unique=False)
    op.create_table('setting',
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('value', sa.String(length=200), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_setting'))
    )
    op.create_table('text_fingerprint',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('fingerprint', sa.LargeBinary(), nullable=False),
    sa.Column('owner', sa.String(length=200), nullable=False),
    sa.Column('cycle', sa.String(length=20), nullable=False),
    sa.Column('instance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_text_fingerprint')),
    sa.UniqueConstraint('fingerprint', 'owner', 'cycle', name=op.f('uq_text_fingerprint_fingerprint_owner_cycle'))
    )
    op.create_table('agency',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('principal_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('agent_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('process_id', sa.String(length=200), nullable=True),
    sa.Column('valid_from', sa.DateTime(timezone=True), nullable=False),
    sa.Column('valid_to', sa.DateTime(timezone=True), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('created_by', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('begun_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['agent_id'], ['person.id'], name=op.f('fk_agency_agent_id_person')),
    sa.ForeignKeyConstraint(['principal_id'], ['person.id'], name=op.f('fk_agency_principal_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_agency'))
    )
    op.create_index(op.f('ix_agency_agent_id'), 'agency', ['agent_id'], unique=False)
    op.create_index(op.f('ix_agency_principal_id'), 'agency', ['principal_id'], unique=False)
    op.create_index(op.f('ix_agency_valid_from'), 'agency', ['valid_from'], unique=False)
    op.create_index(op.f('ix_agency_valid_to'), 'agency', ['valid_to'], unique=False)
    op.create_table('command_item',
    sa.Column('command_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('position', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('payload', sa.LargeBinary(), nullable=True),
    sa.Column('status', sa.String(length=20), nullable=False),
    sa.Column('instance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('detail', sa.LargeBinary(), nullable=True),
    sa.ForeignKeyConstraint(['command_id'], ['command.id'], name=op.f('fk_command_item_command_id_command')),
    sa.PrimaryKeyConstraint('command_id', 'position', name=op.f('pk_command_item'))
    )
    op.create_table('definition_resource',
    sa.Column('definition_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['definition_id'], ['definition.id'], name=op.f('fk_definition_resource_definition_id_definition')),
    sa.PrimaryKeyConstraint('definition_id', 'name', name=op.f('pk_definition_resource'))
    )
    op.create_table('membership',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('role', sa.String(length=40), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=True),
    sa.Column('valid_to', sa.Date(), nullable=True),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_membership_organisation_id_organisation')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_membership_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_membership'))
    )
    op.create_index(op.f('ix_membership_organisation_id_role'), 'membership', ['organisation_id', 'role'], unique=False)
    op.create_index(op.f('ix_membership_person_id'), 'membership', ['person_id'], unique=False)
    op.create_table('process_instance',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('definition_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('process_id', sa.String(length=200), nullable=False),
    sa.Column('business_key', sa.String(length=200), nullable=True),
    sa.Column('cycle', sa.String(length=20), nullable=True),
    sa.Column('number', sa.String(length=200), nullable=True),
    sa.Column('subject', sa.String(length=200), nullable=True),
    sa.Column('subject_person', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('status', sa.String(length=20), nullable=False),
    sa.Column('stage', sa.String(length=200), nullable=True),
    sa.Column('round', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('revision', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('state', sa.LargeBinary(), nullable=False),
    sa.Column('variables', sa.LargeBinary(), nullable=False),
    sa.Column('history_sequence', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('history_hash', sa.LargeBinary(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_change_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('suspended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('parent_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('parent_token', sa.String(length=200), nullable=True),
    sa.Column('body_of', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.ForeignKeyConstraint(['definition_id'], ['definition.id'], name=op.f('fk_process_instance_definition_id_definition')),
    sa.ForeignKeyConstraint(['parent_id'], ['process_instance.id'], name=op.f('fk_process_instance_parent_id_process_instance')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_process_instance')),
    sa.UniqueConstraint('process_id', 'business_key', name=op.f('uq_process_instance_process_id_business_key'))
    )
    op.create_index(op.f('ix_process_instance_number'), 'process_instance', ['number'], unique=False)
    op.create_index(op.f('ix_process_instance_parent_id_parent_token'), 'process_instance', ['parent_id', 'parent_token'], unique=False)
    op.create_index(op.f('ix_process_instance_status_process_id_last_change_at'), 'process_instance', ['status', 'process_id', 'last_change_at'], unique=False)
    op.create_index(op.f('ix_process_instance_subject'), 'process_instance', ['subject'], unique=False)
    op.create_index(op.f('ix_process_instance_subject_person'), 'process_instance', ['subject_person'], unique=False)
    op.create_table('saved_view',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('owner_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('organisation_code', sa.String(length=200), nullable=True),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('query', sa.LargeBinary(), nullable=False),
    sa.Column('position', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['owner_id'], ['person.id'], name=op.f('fk_saved_view_owner_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_saved_view')),
    sa.UniqueConstraint('owner_id', 'name', name=op.f('uq_saved_view_owner_id_name'))
    )
    op.create_index(op.f('ix_saved_view_organisation_code'), 'saved_view', ['organisation_code'], unique=False)
    op.create_table('schedule_mark',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('schedule_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('argument', sa.LargeBinary(), nullable=False),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['schedule_id'], ['schedule.id'], name=op.f('fk_schedule_mark_schedule_id_schedule')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_schedule_mark'))
    )
    op.create_index(op.f('ix_schedule_mark_done_at_at'), 'schedule_mark', ['done_at', 'at'], unique=False)
    op.create_index(op.f('ix_schedule_mark_schedule_id'), 'schedule_mark', ['schedule_id'], unique=False)
    op.create_table('start_event',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('process_id', sa.String(length=200), nullable=False),
    sa.Column('definition_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('node_id', sa.String(length=200), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=True),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('repeat', sa.String(length=200), nullable=True),
    sa.ForeignKeyConstraint(['definition_id'], ['definition.id'], name=op.f('fk_start_event_definition_id_definition')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_start_event'))
    )
    op.create_index(op.f('ix_start_event_due_at'), 'start_event', ['due_at'], unique=False)
    op.create_index(op.f('ix_start_event_kind_name'), 'start_event', ['kind', 'name'], unique=False)
    op.create_index(op.f('ix_start_event_process_id'), 'start_event', ['process_id'], unique=False)
    op.create_table('attachment',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('instance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('seat_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('node_id', sa.String(length=200), nullable=True),
    sa.Column('field', sa.String(length=200), nullable=True),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('media_type', sa.String(length=200), nullable=False),
    sa.Column('size', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('uploaded_by', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('uploaded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('removed_by', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.ForeignKeyConstraint(['digest'], ['attachment_content.digest'], name=op.f('fk_attachment_digest_attachment_content')),
    sa.ForeignKeyConstraint(['instance_id'], ['process_instance.id'], name=op.f('fk_attachment_instance_id_process_instance')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_attachment'))
    )
    op.create_index(op.f('ix_attachment_digest'), 'attachment', ['digest'], unique=False)
    op.create_index(op.f('ix_attachment_instance_id'), 'attachment', ['instance_id'], unique=False)
    op.create_index(op.f('ix_attachment_seat_id'), 'attachment', ['seat_id'], unique=False)
    op.create_table('case_actor',
    sa.Column('instance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('node_id', sa.String(length=200), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['instance_id'], ['process_instance.id'], name=op.f('fk_case_actor_instance_id_process_instance')),
    sa.PrimaryKeyConstraint('instance_id', 'node_id', 'person_id', name=op.f('pk_case_actor'))
    )
    op.create_index(op.f('ix_case_actor_person_id_instance_id'), 'case_actor', ['person_id', 'instance_id'], unique=False)
    op.create_table('case_item',
    sa.Column('instance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('value', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['instance_id'], ['process_instance.id'], name=op.f('fk_case_item_instance_id_process_instance')),
    sa.PrimaryKeyConstraint('instance_id', 'kind', 'value', name=op.f('pk_case_item'))
    )
    op.create_index(op.f('ix_case_item_kind_value'), 'case_item', ['kind', 'value'], unique=False)
    op.create_table('case_mark',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('instance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=60), nullable=False),
    sa.Column('organisation_code', sa.String(length=200), nullable=False),
    sa.Column('round', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('detail', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['instance_id'], ['process_instance.id'], name=op.f('fk_case_mark_instance_id_process_instance')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_case_mark')),
    sa.UniqueConstraint('instance_id', 'kind', 'organisation_code', 'round', name=op.f('uq_case_mark_instance_id_kind_organisation_code_round'))
    )
    op.create_index(op.f('ix_case_mark_kind_organisation_code'), 'case_mark', ['kind', 'organisation_code'], unique=False)
    op.create_table('case_party',
    sa.Column('instance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('organisation_code', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['instance_id'], ['process_instance.id'], name=op.f('fk_case_party_instance_id_process_instance')),
    sa.PrimaryKeyConstraint('instance_id', 'kind', name=op.f('pk_case_party'))
    )
    op.create_index(op.f('ix_case_party_organisation_code_instance_id'), 'case_party', ['organisation_code', 'instance_id'], unique=False)
    op.create_table('circulation',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('instance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('node_id', sa.String(length=200), nullable=False),
    sa.Column('round', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('sent_by', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('text', sa.Text(), nullable=True),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('read_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['instance_id'], ['process_instance.id'], name=op.f('fk_circulation_instance_id_process_instance')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_circulation_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_circulation')),
    sa.UniqueConstraint('instance_id', 'node_id', 'round', 'person_id', name=op.f('uq_circulation_instance_id_node_id_round_person_id'))
    )
    op.create_index(op.f('ix_circulation_person_id_read_at_id'), 'circulation', ['person_id', 'read_at', 'id'], unique=False)
    op.create_table('history',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('instance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('sequence', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('kind', sa.String(length=200), nullable=False),
    sa.Column('node_id', sa.String(length=200), nullable=True),
    sa.Column('token', sa.String(length=200), nullable=True),
    sa.Column('person', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('on_behalf_of', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('role', sa.String(length=200), nullable=True),
    sa.Column('organisation', sa.String(length=200), nullable=True),
    sa.Column('channel', sa.String(length=20), nullable=True),
    sa.Column('definition_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('round', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('detail', sa.LargeBinary(), nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['instance_id'], ['process_instance.id'], name=op.f('fk_history_instance_id_process_instance')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_history')),
    sa.UniqueConstraint('instance_id', 'sequence', name=op.f('uq_history_instance_id_sequence'))
    )
    op.create_index(op.f('ix_history_kind_at'), 'history', ['kind', 'at'], unique=False)
    op.create_index(op.f('ix_history_person_at'), 'history', ['person', 'at'], unique=False)
    op.create_table('local_variables',
    sa.Column('instance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('scope', sa.String(length=200), nullable=False),
    sa.Column('variables', sa.LargeBinary(), nullable=True),
    sa.Column('result', sa.LargeBinary(), nullable=True),
    sa.Column('done', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['instance_id'], ['process_instance.id'], name=op.f('fk_local_variables_instance_id_process_instance')),
    sa.PrimaryKeyConstraint('instance_id', 'scope', name=op.f('pk_local_variables'))
    )
    op.create_table('outbox_message',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('instance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('node_id', sa.String(length=200), nullable=False),
    sa.Column('token', sa.String(length=200), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('correlation_key', sa.String(length=200), nullable=True),
    sa.Column('payload', sa.LargeBinary(), nullable=True),
    sa.Column('status', sa.String(length=20), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('release_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['instance_id'], ['process_instance.id'], name=op.f('fk_outbox_message_instance_id_process_instance')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outbox_message'))
    )
    op.create_index(op.f('ix_outbox_message_instance_id'), 'outbox_message', ['instance_id'], unique=False)
    op.create_index(op.f('ix_outbox_message_status_release_at'), 'outbox_message', ['status', 'release_at'], unique=False)
    op.create_table('return_record',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('instance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('from_node', sa.String(length=200), nullable=False),
    sa.Column('from_seat', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('to_node', sa.String(length=200), nullable=False),
    sa.Column('to_token', sa.String(length=200), nullable=True),
    sa.Column('mode', sa.String(length=20), nullable=False),
    sa.Column('definition_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('before', sa.LargeBinary(), nullable=False),
    sa.Column('resubmitted_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['instance_id'], ['process_instance.id'], name=op.f('fk_return_record_instance_id_process_instance')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_return_record'))
    )
    op.create_index(op.f('ix_return_record_instance_id_id'), 'return_record', ['instance_id', 'id'], unique=False)
    op.create_table('seat',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('instance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('definition_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('process_id', sa.String(length=200), nullable=False),
    sa.Column('node_id', sa.String(length=200), nullable=False),
    sa.Column('token', sa.String(length=200), nullable=False),
    sa.Column('status', sa.String(length=20), nullable=False),
    sa.Column('owner_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('claimed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('claimed_as', sa.String(length=80), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('yellow_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('priority', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('round', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('revision', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('schedule_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('duty', sa.String(length=200), nullable=True),
    sa.Column('summary', sa.LargeBinary(), nullable=False),
    sa.Column('urged', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('urged_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('completed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('completed_by', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('on_behalf_of', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('decided_as', sa.String(length=80), nullable=True),
    sa.Column('outcome', sa.String(length=60), nullable=True),
    sa.Column('parent_seat_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('kind', sa.String(length=20), server_default='main', nullable=False),
    sa.Column('counts', sa.Boolean(), server_default=sa.true(), nullable=False),
    sa.Column('blocking', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('position', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), server_default='0', nullable=False),
    sa.Column('participant', sa.String(length=80), nullable=True),
    sa.Column('veto', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('added_by', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('answer', sa.LargeBinary(), nullable=True),
    sa.Column('claim_expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['instance_id'], ['process_instance.id'], name=op.f('fk_seat_instance_id_process_instance')),
    sa.ForeignKeyConstraint(['owner_id'], ['person.id'], name=op.f('fk_seat_owner_id_person')),
    sa.ForeignKeyConstraint(['schedule_id'], ['schedule.id'], name=op.f('fk_seat_schedule_id_schedule')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_seat'))
    )
    op.create_index(op.f('ix_seat_claim_expires_at'), 'seat', ['claim_expires_at'], unique=False)
    op.create_index(op.f('ix_seat_completed_by_completed_at'), 'seat', ['completed_by', 'completed_at'], unique=False)
    op.create_index(op.f('ix_seat_decided_as_completed_at'), 'seat', ['decided_as', 'completed_at'], unique=False)
    op.create_index(op.f('ix_seat_instance_id_token'), 'seat', ['instance_id', 'token'], unique=False)
    op.create_index(op.f('ix_seat_on_behalf_of'), 'seat', ['on_behalf_of'], unique=False, sqlite_where=sa.text('on_behalf_of IS NOT NULL'), postgresql_where=sa.text('on_behalf_of IS NOT NULL'))
    op.create_index(op.f('ix_seat_owner_id_status'), 'seat', ['owner_id', 'status'], unique=False)
    op.create_index(op.f('ix_seat_parent_seat_id'), 'seat', ['parent_seat_id'], unique=False)
    op.create_index(op.f('ix_seat_participant'), 'seat', ['participant'], unique=False, sqlite_where=sa.text('participant IS NOT NULL'), postgresql_where=sa.text('participant IS NOT NULL'))
    op.create_index(op.f('ix_seat_schedule_id'), 'seat', ['schedule_id'], unique=False)
    op.create_index(op.f('ix_seat_status_due_at'), 'seat', ['status', 'due_at'], unique=False)
    op.create_table('voting',
    sa.Column('instance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('token', sa.String(length=200), nullable=False),
    sa.Column('node_id', sa.String(length=200), nullable=False),
    sa.Column('round', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('rule', sa.LargeBinary(), nullable=False),
    sa.Column('outcome', sa.String(length=60), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['instance_id'], ['process_instance.id'], name=op.f('fk_voting_instance_id_process_instance')),
    sa.PrimaryKeyConstraint('instance_id', 'token', name=op.f('pk_voting'))
    )
    op.create_table('wait',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('instance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('wait_id', sa.String(length=200), nullable=False),
    sa.Column('node_id', sa.String(length=200), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('repeat', sa.String(length=200), nullable=True),
    sa.Column('name', sa.String(length=200), nullable=True),
    sa.Column('correlation_key', sa.String(length=200), nullable=True),
    sa.ForeignKeyConstraint(['instance_id'], ['process_instance.id'], name=op.f('fk_wait_instance_id_process_instance')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_wait')),
    sa.UniqueConstraint('instance_id', 'wait_id', name=op.f('uq_wait_instance_id_wait_id'))
    )
    op.create_index(op.f('ix_wait_due_at'), 'wait', ['due_at'], unique=False)
    op.create_index(op.f('ix_wait_name_correlation_key'), 'wait', ['name', 'correlation_key'], unique=False)
    op.create_table('watch',
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('instance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['instance_id'], ['process_instance.id'], name=op.f('fk_watch_instance_id_process_instance')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_watch_person_id_person')),
    sa.PrimaryKeyConstraint('person_id', 'instance_id', name=op.f('pk_watch'))
    )
    op.create_index(op.f('ix_watch_instance_id'), 'watch', ['instance_id'], unique=False)
    op.create_table('draft',
    sa.Column('seat_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('values', sa.LargeBinary(), nullable=False),
    sa.Column('saved_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['seat_id'], ['seat.id'], name=op.f('fk_draft_seat_id_seat')),
    sa.PrimaryKeyConstraint('seat_id', 'person_id', name=op.f('pk_draft'))
    )
    op.create_index(op.f('ix_draft_person_id'), 'draft', ['person_id'], unique=False)
    op.create_table('seat_exclusion',
    sa.Column('seat_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('reason', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['seat_id'], ['seat.id'], name=op.f('fk_seat_exclusion_seat_id_seat')),
    sa.PrimaryKeyConstraint('seat_id', 'person_id', name=op.f('pk_seat_exclusion'))
    )
    op.create_table('seat_offer',
    sa.Column('candidate', sa.String(length=80), nullable=False),
    sa.Column('seat_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('priority', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('principal_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.ForeignKeyConstraint(['seat_id'], ['seat.id'], name=op.f('fk_seat_offer_seat_id_seat')),
    sa.PrimaryKeyConstraint('candidate', 'seat_id', name=op.f('pk_seat_offer'))
    )
    op.create_index('ix_seat_offer_arrival', 'seat_offer', ['candidate', 'created_at', 'seat_id'], unique=False)
    op.create_index('ix_seat_offer_due', 'seat_offer', ['candidate', 'due_at', 'seat_id'], unique=False)
    op.create_index('ix_seat_offer_priority', 'seat_offer', ['candidate', 'priority', 'due_at', 'seat_id'], unique=False)
    op.create_index('ix_seat_offer_seat', 'seat_offer', ['seat_id'], unique=False)
    op.create_table('snooze',
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('seat_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_snooze_person_id_person')),
    sa.ForeignKeyConstraint(['seat_id'], ['seat.id'], name=op.f('fk_snooze_seat_id_seat')),
    sa.PrimaryKeyConstraint('person_id', 'seat_id', name=op.f('pk_snooze'))
    )
    op.create_table('undo_record',
    sa.Column('seat_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('instance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('command_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('revision', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('before', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['seat_id'], ['seat.id'], name=op.f('fk_undo_record_seat_id_seat')),
    sa.PrimaryKeyConstraint('seat_id', name=op.f('pk_undo_record'))
    )
    op.create_index(op.f('ix_undo_record_command_id'), 'undo_record', ['command_id'], unique=False)
    op.create_index(op.f('ix_undo_record_person_id_expires_at'), 'undo_record', ['person_id', 'expires_at'], unique=False)
