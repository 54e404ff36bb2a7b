import { PriceVersionEntity } from './price-version.entity.js';

/** Rows that TypeORM maps; usage and ledger are written by plain statements. */
export const METERING_ENTITIES = [PriceVersionEntity] as const;
