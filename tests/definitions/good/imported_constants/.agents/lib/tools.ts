export const TOOLS = ['read_files', 'glob']
