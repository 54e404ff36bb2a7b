import { describe, expect, it } from '@jest/globals';

import { parseAmount } from '../../platform/money/index.js';
import { readInvoiceCsv } from './invoice.js';

describe('readInvoiceCsv', () => {
  it('reads usage, credits and taxes, in any order of columns', () => {
    const text = 'day,model,meter,quantity,amount,kind\r\n2026-11-01,"m,1",input,10,1.5,\r\n,,,,-0.5,CREDIT\r\n';
    expect(readInvoiceCsv(text, 10)).toEqual([
      {
        kind: 'USAGE',
        credential: null,
        day: '2026-11-01',
        model: 'm,1',
        meter: 'input',
        quantity: '10',
        amount: parseAmount('1.5'),
      },
      {
        kind: 'CREDIT',
        credential: null,
        day: null,
        model: null,
        meter: null,
        quantity: null,
        amount: parseAmount('-0.5'),
      },
    ]);
  });

  it.each([
    ['an unknown column', 'day,price\n'],
    ['no amount', 'day,model,amount\n2026-11-01,m,\n'],
    ['an amount with an exponent', 'day,model,amount\n2026-11-01,m,1e3\n'],
    ['a day that is none', 'day,model,amount\n2026-13-01,m,1\n'],
    ['a missing model', 'day,model,amount\n2026-11-01,,1\n'],
    ['a cell too many', 'day,model,amount\n2026-11-01,m,1,2\n'],
    ['an open quote', 'day,model,amount\n2026-11-01,"m,1\n'],
    ['a negative quantity', 'day,model,quantity,amount\n2026-11-01,m,-4,1\n'],
    ['too many lines', `day,model,amount\n${'2026-11-01,m,1\n'.repeat(11)}`],
  ])('refuses %s and names the line', (_, text) => {
    expect(() => readInvoiceCsv(text, 10)).toThrow(/^Line \d+ of the invoice/);
  });
});
