const make = (id: string) => ({ id, displayName: 'Left', more: { toolNames: ['end_turn'] }, spare: { model: 'm' } })

export const { id, displayName, more: { toolNames }, spare: { model }, instructionsPrompt = 'Go.' } = make('destructured')
