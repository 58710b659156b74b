// Names that do not exist are tsc's to find, which knows those of the page.
import js from "@eslint/js";

export default [
  { ignores: ["**/node_modules/", "**/build/", "**/dist/", "**/.*/", "**/venv/"] },
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "arrow-body-style": "error",
      curly: ["error", "multi-line"],
      eqeqeq: "error",
      "max-lines": ["error", 400],
      "no-undef": "off",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
    },
  },
];
