import type { Directory } from '../identity/index.js';
import type { QuotaSubject } from './domain/quota.js';

/** The team a subject belongs to; null for subjects without one, keys, and limits on everybody of a type. */
export function teamOf(subject: QuotaSubject, directory: Directory): string | null {
  if (subject.id === null) return null;
  switch (subject.type) {
    case 'TEAM':
      return subject.id;
    case 'USER':
    case 'SERVICE':
      return directory.user(subject.id)?.teamId ?? null;
    case 'KEY':
      return null;
  }
}
