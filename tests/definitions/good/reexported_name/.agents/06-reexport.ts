export { inner as default } from './lib/inner'
