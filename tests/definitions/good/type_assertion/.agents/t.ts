export default <AgentDefinition>{ id: 'angle', displayName: 'Angle', model: 'm' }
