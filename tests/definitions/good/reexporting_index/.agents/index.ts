export { default as one } from './one'
export { default } from './one'
export * from './one'
