import { ApiProperty } from '@nestjs/swagger';

import { formatInstant } from '../../platform/clock/index.js';
import { toWireMoney, type WireMoney } from '../../platform/money/index.js';
import type { StatementLine } from '../domain/statement-lines.js';
import type { Statement } from '../persistence/statement.repository.js';

/** A statement as REST shows it. */
export class StatementModel {
  @ApiProperty() readonly id!: string;
  @ApiProperty({ enum: ['ORGANISATION', 'TEAM', 'INVESTIGATION', 'COST_CENTRE'] }) readonly scopeType!: string;
  @ApiProperty() readonly scopeId!: string;
  @ApiProperty({ example: '2026-11' }) readonly month!: string;
  @ApiProperty({ enum: ['DRAFT', 'FINAL'] }) readonly state!: string;
  @ApiProperty() readonly lines!: number;
  @ApiProperty({ description: 'Sum of all lines, corrections included' }) readonly total!: WireMoney;
  @ApiProperty({ description: 'Sum of the lines that correct earlier statements' }) readonly corrections!: WireMoney;
  @ApiProperty({ type: String, nullable: true, description: 'SHA-256 of scope and lines, of a FINAL statement' })
  readonly sha256!: string | null;
  @ApiProperty() readonly asOf!: string;
  @ApiProperty() readonly madeBy!: string;
  @ApiProperty() readonly createdAt!: string;
}

/** The REST form of a statement. */
export function toStatementModel(statement: Statement): StatementModel {
  const { currency, total, corrections, asOfMs, createdAtMs, orgId: _, ...same } = statement;
  return {
    ...same,
    total: toWireMoney({ amount: total, currency }),
    corrections: toWireMoney({ amount: corrections, currency }),
    asOf: formatInstant(asOfMs),
    createdAt: formatInstant(createdAtMs),
  };
}

/** A line as REST shows it. */
export interface StatementLineJson {
  readonly n: number;
  readonly class: string;
  readonly month: string;
  readonly teamId: string | null;
  readonly investigationId: string | null;
  readonly provider: string;
  readonly model: string;
  readonly requests: number;
  readonly tokens: number;
  readonly cost: WireMoney;
  readonly unconfirmed: WireMoney;
}

/** The REST form of a line. */
export function toLineJson(line: StatementLine & { readonly n: number }, currency: string): StatementLineJson {
  return {
    ...line,
    requests: Number(line.requests),
    tokens: Number(line.tokens),
    cost: toWireMoney({ amount: line.cost, currency }),
    unconfirmed: toWireMoney({ amount: line.unconfirmed, currency }),
  };
}
