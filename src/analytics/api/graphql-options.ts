import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  GraphQLError,
  OperationTypeNode,
  specifiedRules,
  validate,
  type ASTVisitor,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLFormattedError,
  type GraphQLSchema,
  type ValidationContext,
} from 'graphql';

import { asAppError } from '../../platform/errors/index.js';
import { toAppError } from '../../platform/http/index.js';
import { depthLimit } from './depth-limit.js';

const MAX_DEPTH = 12;
const INIT_TIMEOUT_MS = 3_000;
const FORBIDDEN = 4403;

/** What resolvers and the guard see: the HTTP request, or for a socket a stand-in with the credential of its `connection_init`. */
interface SocketContext {
  readonly extra: { readonly request: { readonly socket: { readonly remoteAddress?: string } } };
  readonly connectionParams?: Readonly<Record<string, unknown>>;
}

/** One context for both transports (stack page, traps). */
export function contextOf(first: unknown, second: unknown): { req: unknown; reply?: unknown } {
  const socket = first as Partial<SocketContext>;
  if (socket.extra === undefined) return { req: first, reply: second };
  const authorization = socket.connectionParams?.['authorization'];
  return {
    req: {
      id: 'websocket',
      headers: { authorization: typeof authorization === 'string' ? authorization : undefined },
      ip: socket.extra.request.socket.remoteAddress,
      logFacts: {},
    },
  };
}

/** Code and request id of a failed field; never a stack. Errors of GraphQL itself keep their own code. */
export function formatError(formatted: GraphQLFormattedError, thrown: unknown): GraphQLFormattedError {
  const original = thrown instanceof GraphQLError ? thrown.originalError : thrown;
  if (original === undefined || original === null || original instanceof GraphQLError) {
    const code = formatted.extensions?.['code'];
    return { ...formatted, extensions: { code: typeof code === 'string' ? code.toLowerCase() : 'invalid_value' } };
  }
  const error = asAppError(toAppError(original));
  const { path, locations } = formatted;
  return {
    message: error.message,
    ...(path === undefined ? {} : { path }),
    ...(locations === undefined ? {} : { locations }),
    extensions: { code: error.code, ...(error.facts.param === undefined ? {} : { param: error.facts.param }) },
  };
}

/** Asked once per socket, before anything else; a throw refuses it. */
export type AuthenticateSocket = (
  authorization: string | undefined,
  remoteAddress: string | undefined,
) => Promise<void>;

/** A validation rule: queries and mutations go over HTTP, where documents are weighed before they run. */
function subscriptionsOnly(context: ValidationContext): ASTVisitor {
  return {
    OperationDefinition({ operation }) {
      if (operation === OperationTypeNode.SUBSCRIPTION) return;
      const message = 'A socket carries subscriptions only. Send queries and mutations over HTTP.';
      context.reportError(new GraphQLError(message, { extensions: { code: 'invalid_value' } }));
    },
  };
}

/** What HTTP gets from Apollo: the same limits on documents, and errors in the same form. */
const socketRules = {
  validate: (schema: GraphQLSchema, document: DocumentNode): readonly GraphQLError[] =>
    validate(schema, document, [...specifiedRules, depthLimit(MAX_DEPTH), subscriptionsOnly]),
  onError: (_context: unknown, _id: string, _payload: unknown, errors: readonly GraphQLError[]) =>
    errors.map((error) => formatError(error.toJSON(), error)),
  onNext: (_context: unknown, _id: string, _payload: unknown, _args: unknown, result: ExecutionResult) =>
    result.errors === undefined
      ? undefined
      : { ...result, errors: result.errors.map((error) => formatError(error.toJSON(), error)) },
};

/** Options of the one GraphQL endpoint. */
export function graphqlOptions(settings: {
  readonly production: boolean;
  readonly authenticate: AuthenticateSocket;
}): ApolloDriverConfig {
  return {
    driver: ApolloDriver,
    path: '/graphql',
    autoSchemaFile: true,
    sortSchema: true,
    graphiql: false,
    introspection: !settings.production,
    includeStacktraceInErrorResponses: false,
    csrfPrevention: true,
    context: contextOf,
    formatError,
    validationRules: [depthLimit(MAX_DEPTH)],
    allowBatchedHttpRequests: false,
    subscriptions: {
      'graphql-ws': {
        path: '/graphql',
        connectionInitWaitTimeout: INIT_TIMEOUT_MS,
        ...socketRules,
        onConnect: async (
          context: SocketContext & { extra: { socket?: { close(code: number, reason: string): void } } },
        ) => {
          const authorization = context.connectionParams?.['authorization'];
          try {
            await settings.authenticate(
              typeof authorization === 'string' ? authorization : undefined,
              context.extra.request.socket.remoteAddress,
            );
            return true;
          } catch {
            context.extra.socket?.close(FORBIDDEN, 'Forbidden');
            return false;
          }
        },
      } as never,
    },
  };
}
