import { defineAgent } from './lib/define'
export default defineAgent({ id: 'defined', displayName: 'Defined', model: 'a/b', async *handleStepsX() {}, handleSteps: function* ({ prompt, logger }) { logger.info('x'); yield 'STEP_ALL' } })
