export default {
  'id': 'quoted',
  "displayName": "Quoted",
  ['model']: 'm',
};
