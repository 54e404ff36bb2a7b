import type { MigrationInterface } from 'typeorm';

import { CreatePlatform1764000000000 } from './1764000000000-create-platform.js';
import { CreateIdentity1764000020000 } from './1764000020000-create-identity.js';
import { CreateProviders1764000025000 } from './1764000025000-create-providers.js';
import { CreateCases1764000030000 } from './1764000030000-create-cases.js';

/** All migrations, oldest first. Listed by hand: the order is part of the release. */
export const MIGRATIONS: readonly (new () => MigrationInterface)[] = [
  CreatePlatform1764000000000,
  CreateIdentity1764000020000,
  CreateProviders1764000025000,
  CreateCases1764000030000,
];
