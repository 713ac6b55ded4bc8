// Where the libraries' English speaks of another expression language than this product's.
export default {
  'The due date as an EL expression (e.g. ${someDate}) or an ISO date (e.g. 2015-06-26T09:54:00).':
    'The due date as a FEEL expression that starts with "=", e.g. = working days after(now(), 3) or = deadline("renewal_audit", case.university).',
  'The follow up date as an EL expression (e.g. ${someDate}) or an ISO date (e.g. 2015-06-26T09:54:00).':
    'The follow-up date as a FEEL expression that starts with "=".',
  'Start typing "${}" to create an expression.': 'An expression is FEEL and starts with "=".',
  'Specify more than one group as a comma separated list.': 'Groups are written role@organisation, usually computed: = role("county_clerk", case.origin_county). Separate several by commas.',
};
