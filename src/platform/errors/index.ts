export { AppError, asAppError, type ErrorFacts } from './app-error.js';
export { CATALOGUE, type ErrorCode, type ErrorEntry } from './catalogue.js';
