export const PROMPT = 'From a folder.'
