abstract class BaseAgent { abstract id: string; readonly model = 'a/b'; get displayName() { return this.id.toUpperCase() } toolNames: string[] = ['read_files']; *handleSteps() { yield 'STEP' } }
class Reviewer extends BaseAgent { id = 'class-reviewer'; override toolNames = [...this.toolNames, 'code_search']; #secret = 1; static x = 2; systemPrompt = `You are ${this.displayName}` }
export default new Reviewer()
