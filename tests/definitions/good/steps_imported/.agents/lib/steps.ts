export function* steps({ prompt }: { prompt?: string }): Generator<'STEP' | 'STEP_ALL', void, any> { const x: number = 1; yield 'STEP' }
