import { describe, expect, it } from '@jest/globals';

import { classifyByRules, determineTask } from './task.js';

const asking = (content: unknown, more: object = {}): Record<string, unknown> => ({
  messages: [{ role: 'user', content }],
  ...more,
});
const own = new Set(['interview']);

describe('classifyByRules', () => {
  it.each([
    ['bulk', asking('hi', { service_tier: 'flex' })],
    ['realtime_intel', asking('hi', { web_search_options: {} })],
    ['extraction', asking('hi', { response_format: { type: 'json_schema' } })],
    ['extraction', asking('List all licence plates in this report.')],
    ['classification', asking('Classify this message. Answer yes or no.')],
    ['summarisation', asking([{ type: 'text', text: 'Summarise the interview.' }])],
    ['translation', asking('Translate this letter into German')],
    ['code', asking('Why?\n```\nlet a;\n```')],
    ['entity_analysis', asking('Which accounts and phones belong to the alias in this timeline?')],
    ['reasoning', asking('Prove that it holds.')],
    ['reasoning', asking('Of 12 men 5 left, 3 came, 2 stayed: how many?')],
  ])('finds %s', (task, request) => {
    expect(classifyByRules(request)).toBe(task);
  });

  it('says nothing about other texts, and reads a bounded part of long ones', () => {
    expect(classifyByRules(asking('Good morning'))).toBeUndefined();
    expect(classifyByRules(asking(`${'x '.repeat(500_000)}summarise ${'y '.repeat(500_000)}`))).toBeUndefined();
    expect(classifyByRules({})).toBeUndefined();
  });
});

describe('determineTask', () => {
  const request = asking('Summarise this.');

  it('prefers the wish, then the model, then the rules', () => {
    expect(determineTask({ wished: 'code', byHeader: true, model: 'auto', request, own })).toEqual({
      value: 'code',
      source: 'header',
    });
    expect(determineTask({ wished: 'interview', model: 'auto', request, own })).toEqual({
      value: 'interview',
      source: 'body',
    });
    expect(determineTask({ model: 'auto/translation', request, own })).toEqual({
      value: 'translation',
      source: 'model',
    });
    expect(determineTask({ model: 'auto', request, own })).toEqual({ value: 'summarisation', source: 'rules' });
    expect(determineTask({ model: 'gpt-x', request, own })).toEqual({ value: 'chat', source: 'default' });
  });

  it('refuses unknown tasks and two that disagree', () => {
    expect(() => determineTask({ wished: 'poetry', model: 'auto', request, own })).toThrow(/no task poetry/);
    expect(() => determineTask({ model: 'auto/poetry', request, own })).toThrow(/no task poetry/);
    expect(() => determineTask({ wished: 'code', model: 'auto/chat', request, own })).toThrow(/Name one/);
  });
});
