function named(name: string) { return <T extends object>(t: T) => ({ ...t, displayName: name }) }
export default named('Piped')({ id: 'piped', model: 'a/b' as string, toolNames: [] as string[] })!
