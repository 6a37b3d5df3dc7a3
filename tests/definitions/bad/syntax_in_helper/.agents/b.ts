export const X = {
