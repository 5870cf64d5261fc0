/** The variables of this process. No other module reads process.env, which the linter sees to. */
export const environment: NodeJS.ProcessEnv = process.env;
