import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["**/dist/**", "**/out/**"] },
  ...tseslint.configs.strict,
  { rules: { "max-lines": ["error", 300], "max-lines-per-function": ["error", 60], "no-console": "error", eqeqeq: "error" } },
  { files: ["client-vscode/src/**"], rules: {
    // The bundler copies all names of a namespace that is imported so, in each module anew: VS Code has 360 of them.
    "no-restricted-syntax": ["error", { selector: "ImportDeclaration[importKind='value'] > ImportNamespaceSpecifier", message: "Write import name = require(\"module\"): a namespace is copied, name by name, each time the extension is activated." }],
    "@typescript-eslint/no-require-imports": ["error", { allowAsImport: true }],
  } },
  { files: ["**/scripts/**", "tests/**", "**/test/**"], rules: { "no-console": "off", "max-lines-per-function": "off", "@typescript-eslint/no-non-null-assertion": "off", "max-lines": "off" } },
);
