import type { MigrationInterface } from 'typeorm';

import { CreatePlatform1764000000000 } from './1764000000000-create-platform.js';

/** All migrations, oldest first. Listed by hand: the order is part of the release. */
export const MIGRATIONS: readonly (new () => MigrationInterface)[] = [CreatePlatform1764000000000];
