import { AppError } from '../../platform/errors/index.js';
import { type ProblemModel, toProblem } from './shared.model.js';

/** A refusal becomes data; anything that is nobody's expected refusal stays an error. */
export async function orProblem<T extends object>(
  requestId: string,
  work: () => Promise<T>,
): Promise<T | ProblemModel> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError && error.entry.status < 500) return toProblem(error, requestId);
    throw error;
  }
}

/** The request id of a GraphQL context. */
export function requestIdOf(context: { readonly req: { readonly id?: unknown } }): string {
  return typeof context.req.id === 'string' ? context.req.id : 'websocket';
}

/** GraphQL inputs have no prototype, carry undefined members and may say null for absent; the schemas expect plain objects. */
export function plainInput(input: object): unknown {
  return JSON.parse(JSON.stringify(input, (_name, value: unknown) => value ?? undefined));
}
