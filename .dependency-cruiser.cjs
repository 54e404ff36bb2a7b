/** The architecture, checked on every commit. A module imports only modules of lower LAYERS. */
const LAYERS = [
  ['platform', 'openai'],
  ['audit'],
  ['identity', 'providers'],
  ['cases', 'quotas', 'metering', 'webhooks'],
  ['budgets', 'routing'],
  ['gateway', 'health', 'analytics'],
  ['console'],
];
const UOW = '^src/platform/database/(unit-of-work|newest-first)\\.ts$',
  WEB = '^src/console/web/',
  ADAPTER = '^src/providers/adapters/([^/]+)/';
const SPEC = '\\.spec\\.tsx?$',
  MODULE = '\\.module\\.ts$',
  error = (name, from, to) => ({ name, severity: 'error', from, to });
const layering = LAYERS.flatMap((modules, layer) =>
  modules.map((module) => {
    const notBelow = LAYERS.slice(layer)
      .flat()
      .filter((other) => other !== module);
    return error(`layer-${module}`, { path: `^src/${module}/` }, { path: `^src/(${notBelow.join('|') || '-'})/` });
  }),
);
module.exports = {
  forbidden: [
    ...layering,
    error('no-circular', {}, { circular: true }),
    error('not-resolvable', {}, { couldNotResolve: true }),
    error('no-platform-barrel', {}, { path: '^src/platform/index\\.ts$' }),
    error(
      'index-only',
      { path: '^src/([^/]+)/' },
      {
        path: '^src/([^/]+)/',
        pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$', '^src/platform/[^/]+/index\\.ts$', UOW],
      },
    ),
    error(
      'tx-manager-in-persistence-only',
      { path: '^src/', pathNot: ['/persistence/', '^src/platform/'] },
      { path: UOW },
    ),
    error(
      'entities-stay-in-persistence',
      { path: '^src/', pathNot: ['/persistence/', MODULE] },
      { path: '\\.entity\\.ts$' },
    ),
    error(
      'sql-stays-in-persistence',
      { path: '^src/', pathNot: ['/persistence/', '^src/platform/database/', MODULE] },
      { path: '^node_modules/(typeorm|@nestjs/typeorm|pg)/' },
    ),
    error(
      'domain-is-pure',
      { path: '/domain/', pathNot: SPEC },
      {
        path: [
          '^node_modules/(@nestjs|@fastify|@apollo|fastify|typeorm|pg|iovalkey|undici|graphql)',
          '^(node:)?(fs|net|http|http2|https|tls|dns|child_process|worker_threads|timers)(/|$)',
        ],
      },
    ),
    error(
      'domain-imports-domain',
      { path: '^src/([^/]+)/domain/' },
      { path: '^src/$1/(api|persistence|jobs|[^/]+\\.(service|module))' },
    ),
    error(
      'domain-uses-pure-platform',
      { path: '/domain/', pathNot: SPEC },
      { path: '^src/platform/(?!errors/|money/|ids/|security/)' },
    ),
    error('persistence-knows-no-api', { path: '/persistence/' }, { path: '/api/|\\.service\\.ts$' }),
    error('api-stays-private', { path: '^src/', pathNot: ['/api/', MODULE, SPEC] }, { path: '^src/[^/]+/(api|jobs)/' }),
    error(
      'adapter-is-an-island',
      { path: ADAPTER },
      {
        path: '^src/providers/adapters/',
        pathNot: ['^src/providers/adapters/$1/', '^src/providers/adapters/[^/]+\\.ts$'],
      },
    ),
    error(
      'vendor-types-stay-in-adapter',
      { path: '^src/', pathNot: [ADAPTER, '^src/providers/adapters/all-adapters\\.ts$'] },
      { path: ADAPTER },
    ),
    error('console-uses-http-only', { path: '^src/console/' }, { path: '^src/(?!console|platform)' }),
    error('web-is-not-imported', { path: '^src/', pathNot: WEB }, { path: WEB }),
    error('web-is-browser-code', { path: WEB }, { path: ['^src/', '^node_modules/@nestjs'], pathNot: WEB }),
    error('no-orphans', { orphan: true, pathNot: ['\\.d\\.ts$', '^src/[^/]+\\.ts$', SPEC] }, {}),
    error('no-test-code-in-src', { path: '^src/', pathNot: SPEC }, { path: '^test/' }),
    error(
      'no-dev-deps-in-src',
      { path: '^src/', pathNot: [SPEC, WEB] },
      { dependencyTypes: ['npm-dev'], pathNot: '@types' },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.js'],
    },
  },
};
