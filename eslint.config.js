import eslint from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';
const ban = (selector, message) => ({ selector, message }),
  CLOCK = 'Take the Clock from platform/clock.',
  MONEY = '/(cost|amount|spent|price)/i';
const BANS = [
  ban(
    "MethodDefinition[kind='constructor'] > FunctionExpression[params.length>7]",
    'More than 7 dependencies: split the class.',
  ),
  ban(
    ":matches(FunctionDeclaration, MethodDefinition[kind!='constructor'] > FunctionExpression)[params.length>4]",
    'Take one options object.',
  ),
  ban("CallExpression[callee.name='forwardRef']", 'Move the shared part to a lower module.'),
  ban("MemberExpression[object.name='Scope'][property.name=/REQUEST|TRANSIENT/]", 'Pass the caller as an argument.'),
  ban("MemberExpression[object.name='process'][property.name='env']", 'Inject your config slice.'),
  ban("CallExpression[callee.object.property.name='configService']", 'Inject your config slice.'),
  ban("MemberExpression[object.name='Date'][property.name='now']", CLOCK),
  ban("NewExpression[callee.name='Date'][arguments.length=0]", CLOCK),
  ban(
    ":matches(MemberExpression[object.name='Math'][property.name='random'], CallExpression[callee.name='randomUUID'])",
    'Take it from platform/ids.',
  ),
  ban(
    `CallExpression[callee.name=/^(parseFloat|parseInt|Number)$/] > :matches(Identifier.arguments[name=${MONEY}], MemberExpression.arguments[property.name=${MONEY}])`,
    'Money is PicoUsd: parseAmount and formatAmount, never a number.',
  ),
  ban(
    "TSAsExpression > TSTypeReference[typeName.name='PicoUsd']",
    'Make amounts with picoUsd() or parseAmount(): they check the range.',
  ),
  ban('Decorator[expression.callee.name=/^(One|Many)To(One|Many)$/]', 'Entities hold ids; join in a query.'),
  ban('ExportDefaultDeclaration', 'Name what you export.'),
  ban(
    "CallExpression[callee.object.name='jest'][callee.property.name=/^(mock|doMock|unstable_mockModule)$/]",
    'Use a fake from test/support.',
  ),
];
const NO_DECORATORS = ban('Decorator', 'Decorate the row or the API model.'),
  limit = (max) => ['error', { max, skipBlankLines: true, skipComments: true }];
export default defineConfig(
  { ignores: ['dist', '**/*.mjs', '*.js', '*.cjs', 'src/console/web/dist'] },
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/explicit-function-return-type': ['error', { allowExpressions: true }],
      '@typescript-eslint/prefer-readonly': 'error',
      '@typescript-eslint/strict-boolean-expressions': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true, allowEmpty: true }],
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off', // Nest options are typed as classes
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true, ignoreUsingDeclarations: true },
      ],
      'no-console': 'error',
      eqeqeq: 'error',
      'no-param-reassign': 'error',
      complexity: ['error', 12],
      'max-lines': limit(400),
      'max-lines-per-function': limit(70),
      'no-restricted-syntax': ['error', ...BANS],
    },
  },
  { files: ['src/*/domain/**'], rules: { 'no-restricted-syntax': ['error', ...BANS, NO_DECORATORS] } }, // an override replaces the whole list
  {
    files: ['src/platform/{clock,config,ids,money}/**', '**/vite.config.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  { files: ['migrations/**'], rules: { 'max-lines-per-function': 'off' } }, // SQL is read from top to bottom
  {
    files: ['**/*.spec.ts', 'test/**'],
    rules: { '@typescript-eslint/explicit-function-return-type': 'off', 'max-lines-per-function': 'off' },
  },
);
