import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["**/dist/**", "**/out/**"] },
  ...tseslint.configs.strict,
  { rules: { "max-lines": ["error", 300], "max-lines-per-function": ["error", 60], "no-console": "error", eqeqeq: "error" } },
  { files: ["**/scripts/**", "tests/**", "**/test/**"], rules: { "no-console": "off", "max-lines-per-function": "off", "@typescript-eslint/no-non-null-assertion": "off", "max-lines": "off" } },
);
