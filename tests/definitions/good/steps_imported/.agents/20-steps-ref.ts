import { steps } from './lib/steps'
export default { id: 'steps-ref', displayName: 'S', model: 'a/b', handleSteps: steps }
