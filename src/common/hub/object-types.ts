/** Types of the objects that the hub sends to nodes. */

export const SETTINGS_TYPE = "slipstream-settings";
export const MODEL_TYPE = "slipstream-model";
