import type { BundleVerdict } from './bundle-verdict.js';

const NAME_WIDTH = 14;
const STATE_WIDTH = 9;
const SHOWN_FINDINGS = 20;

/** A verdict as people read it: five lines, then the first findings. */
export function verdictText({ lines, findings }: Pick<BundleVerdict, 'lines' | 'findings'>): readonly string[] {
  const shown = findings.slice(0, SHOWN_FINDINGS).map(({ code, where }) => `  ${code.padEnd(18)} ${where}`);
  const more = findings.length - SHOWN_FINDINGS;
  return [
    ...lines.map(({ name, state, text }) => `${name.padEnd(NAME_WIDTH)}${state.padEnd(STATE_WIDTH)}${text}`),
    ...shown,
    ...(more > 0 ? [`  and ${String(more)} more; see --json`] : []),
  ];
}
