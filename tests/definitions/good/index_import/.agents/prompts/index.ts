export { PROMPT } from './one.js'
