// Makes verify.mjs: the verifier's modules in one file without dependencies, each in a function of its own, in plain JavaScript
// that a reader can follow. For Node >= 20.
import { readFile } from 'node:fs/promises';
import path from 'node:path';

const ENTRY = 'src/audit/verifier/main.ts';
const IMPORT = /^import\s+(?:([\w$]+)\s+from\s+|\{([^}]*)\}\s+from\s+)?["']([^"']+)["'];?$/gm;
const EXPORT = /(?<=^|\*\/ )export (?=(?:async )?(?:function\*?|class|const|let) ([\w$]+))/gm;

const namesOf = (list) =>
  list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');

async function load(swc, root, file, modules) {
  if (modules.has(file)) return;
  modules.set(file, undefined);
  const { code } = await swc.transform(await readFile(path.join(root, file), 'utf8'), {
    configFile: false,
    swcrc: false,
    filename: file,
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022', preserveAllComments: true },
    module: { type: 'es6' },
  });
  const inner = [];
  const outer = [];
  for (const [, whole, list, from] of code.matchAll(IMPORT)) {
    if (from.startsWith('node:')) outer.push({ whole, list, from });
    else {
      const target = path.posix.join(path.posix.dirname(file), from).replace(/\.js$/, '.ts');
      await load(swc, root, target, modules);
      inner.push({ target, names: namesOf(list ?? '') });
    }
  }
  const exported = [...code.matchAll(EXPORT)].map(([, name]) => name);
  const body = code.replaceAll(IMPORT, '').replaceAll(EXPORT, '');
  if (/(?<=^|\*\/ )(export|import) /m.test(body))
    throw new Error(`${file} exports or imports in a way that verify.mjs cannot have`);
  // Last in, so that what it needs stands before it.
  modules.delete(file);
  modules.set(file, { body, exported, inner, outer });
}

/** The text of verify.mjs. `root`: of the repository. */
export async function verifierFile(swc, root, version) {
  const modules = new Map();
  await load(swc, root, ENTRY, modules);
  const ids = new Map([...modules.keys()].map((file, n) => [file, `module${String(n)}`]));
  const outer = new Map();
  for (const { outer: own } of modules.values()) {
    for (const { whole, list, from } of own) {
      const known = outer.get(from) ?? { whole: undefined, names: new Set() };
      known.whole ??= whole;
      for (const name of namesOf(list ?? '')) known.names.add(name);
      outer.set(from, known);
    }
  }
  const imports = [...outer]
    .sort()
    .flatMap(([from, { whole, names }]) => [
      ...(whole === undefined ? [] : [`import ${whole} from '${from}';`]),
      ...(names.size === 0 || from === 'node:crypto'
        ? []
        : [`import { ${[...names].sort().join(', ')} } from '${from}';`]),
    ]);
  const crypto = [...(outer.get('node:crypto')?.names ?? [])].filter((name) => name !== 'hash').sort();
  const parts = [...modules].map(([file, { body, exported, inner }]) => {
    const needs = inner
      .filter(({ names }) => names.length > 0)
      .map(
        ({ target, names }) =>
          `const { ${names.map((name) => name.replace(' as ', ': ')).join(', ')} } = ${ids.get(target)};`,
      );
    return `// ${file}\nconst ${ids.get(file)} = (() => {\n${[...needs, body.trim()].join('\n')}\nreturn { ${exported.join(', ')} };\n})();\n`;
  });
  return `#!/usr/bin/env node
// Verifier of AI Partners evidence bundles, release ${version}. One file, no dependency, Node 20 or newer.
// Trust your own copy, not the one that lies in a bundle.
import * as crypto from 'node:crypto';
${imports.join('\n')}

const { ${crypto.join(', ')} } = crypto;
const hash = crypto.hash ?? ((name, data, form) => {
  const digest = crypto.createHash(name).update(data);
  return form === 'buffer' ? digest.digest() : digest.digest(form);
});

${parts.join('\n')}
process.exitCode = await ${ids.get(ENTRY)}.main(process.argv.slice(2), Date.now());
`;
}
