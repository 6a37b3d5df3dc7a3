// What a definition may say.  The types are erased when a definition is read; they help whoever
// writes one.  docs/reference/definitions.md says what each field means.

export interface AgentDefinition {
  /** Lower-case letters, digits and dashes. */
  id: string
  displayName: string
  /** Any model id; normally one of OpenRouter's, which an endpoint's `models` may map. */
  model: string
  version?: string
  publisher?: string
  /** Where this agent runs, whatever the settings say. */
  localProvider?: { baseUrl: string; apiKey?: string }
  reasoningOptions?: { enabled?: boolean; exclude?: boolean } & (
    | { max_tokens?: number }
    | { effort?: 'high' | 'medium' | 'low' | 'minimal' | 'none' }
  )
  providerOptions?: Record<string, unknown>
  mcpServers?: Record<string, unknown>
  toolNames?: string[]
  spawnableAgents?: string[]
  inputSchema?: { prompt?: { type: 'string'; description?: string }; params?: object }
  outputMode?: 'last_message' | 'all_messages' | 'structured_output'
  /** Only with `outputMode: 'structured_output'`. */
  outputSchema?: object
  /** Shown to the user and to agents that may spawn this one. */
  spawnerPrompt?: string
  systemPrompt?: string
  instructionsPrompt?: string
  stepPrompt?: string
  includeMessageHistory?: boolean
  inheritParentSystemPrompt?: boolean
  windowedFileReads?: boolean
  compactContext?: boolean | { cacheExpiryMs?: number; cacheExpiryMinTokens?: number }
  /** Leads the run step by step; runs in a sandbox. */
  handleSteps?: (context: StepContext) => Generator<StepRequest, void, StepResult>
}

export interface StepContext {
  agentState: AgentState
  prompt?: string
  params?: Record<string, any>
  model: string
  logger: Record<'debug' | 'info' | 'warn' | 'error', (...values: unknown[]) => void>
}

export interface AgentState {
  agentId: string
  runId: string
  parentId?: string
  messageHistory: unknown[]
  output?: Record<string, any>
  systemPrompt: string
  toolDefinitions: unknown
  contextTokenCount: number
}

export type StepRequest =
  | 'STEP'
  | 'STEP_ALL'
  | { type: 'STEP_TEXT'; text: string }
  | { type: 'GENERATE_N'; n: number }
  | { toolName: string; input: Record<string, any>; includeToolCall?: boolean }

export interface StepResult {
  agentState: AgentState
  toolResult: { type: 'json'; value: any }[] | undefined
  stepsComplete: boolean
  nResponses?: string[]
}
