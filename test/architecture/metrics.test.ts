import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from '@jest/globals';

import { Metrics } from '../../src/platform/telemetry/index.js';

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter(
    (name) =>
      name.endsWith('.ts') && !name.endsWith('.spec.ts') && !name.startsWith(path.join('platform', 'telemetry')),
  )
  .map((name) => readFileSync(path.join('src', name), 'utf8'));

describe('the metrics', () => {
  const names = Object.keys(new Metrics()).filter((name) => name !== 'registry');

  it.each(names)('%s is told of something: a metric that stays 0 misleads whoever watches it', (name) => {
    expect(sources.some((text) => new RegExp(`\\.${name}\\b`).test(text))).toBe(true);
  });
});
