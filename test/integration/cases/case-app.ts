import { CasesModule } from '../../../src/cases/index.js';
import { CASES_ENTITIES } from '../../../src/cases/persistence/entities.js';
import { startDirectoryApp, type AnswerBody, type DirectoryApp } from '../identity/directory-app.js';

let count = 0;

/** A reference nobody used before. */
export function reference(): string {
  return `OP-${String(++count)}`;
}

/** Starts the application with identity and cases. */
export function startCaseApp(): Promise<DirectoryApp> {
  return startDirectoryApp({ modules: [CasesModule], entities: CASES_ENTITIES });
}

/** A new investigation, made by the case system. */
export async function anInvestigation(world: DirectoryApp, body: object = {}): Promise<AnswerBody> {
  const answer = await world.call('system', { method: 'PUT', url: `/api/investigations/${reference()}`, body });
  if (answer.status !== 201) throw new Error(`Not made: ${answer.text}`);
  return answer.json;
}
