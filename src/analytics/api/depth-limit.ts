import {
  GraphQLError,
  Kind,
  type ASTVisitor,
  type FragmentDefinitionNode,
  type SelectionSetNode,
  type ValidationContext,
  type ValidationRule,
} from 'graphql';

const MAX_ALIASES = 30;
const MAX_ROOT_FIELDS = 10;

/** Deepest field below a selection; fragments count where they are spread, each once per path. */
function depthOf(
  selections: SelectionSetNode | undefined,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  spread: ReadonlySet<string>,
): number {
  let deepest = 0;
  for (const node of selections?.selections ?? []) {
    if (node.kind === Kind.FIELD) {
      deepest = Math.max(deepest, 1 + depthOf(node.selectionSet, fragments, spread));
    } else if (node.kind === Kind.INLINE_FRAGMENT) {
      deepest = Math.max(deepest, depthOf(node.selectionSet, fragments, spread));
    } else if (!spread.has(node.name.value)) {
      const fragment = fragments.get(node.name.value);
      deepest = Math.max(deepest, depthOf(fragment?.selectionSet, fragments, new Set([...spread, node.name.value])));
    }
  }
  return deepest;
}

/** A validation rule: at most `max` levels, 30 aliases and 10 fields at the root. Introspection is not limited in depth. */
export function depthLimit(max: number): ValidationRule {
  return (context: ValidationContext): ASTVisitor => {
    let aliases = 0;
    const fragments = new Map(
      context
        .getDocument()
        .definitions.flatMap((definition) =>
          definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition] as const] : [],
        ),
    );
    const refuse = (message: string): void => {
      context.reportError(new GraphQLError(message, { extensions: { code: 'invalid_value' } }));
    };
    return {
      Field(node) {
        if (node.alias !== undefined && ++aliases === MAX_ALIASES + 1) {
          refuse(`A document may use at most ${String(MAX_ALIASES)} aliases.`);
        }
      },
      OperationDefinition(node) {
        const roots = node.selectionSet.selections.filter(
          (field) => field.kind !== Kind.FIELD || !field.name.value.startsWith('__'),
        );
        if (roots.length > MAX_ROOT_FIELDS)
          refuse(`An operation may have at most ${String(MAX_ROOT_FIELDS)} fields at its root.`);
        if (roots.length === 0) return;
        const deepest = depthOf({ kind: Kind.SELECTION_SET, selections: roots }, fragments, new Set());
        if (deepest > max) refuse(`This document is ${String(deepest)} levels deep; ${String(max)} are allowed.`);
      },
    };
  };
}
