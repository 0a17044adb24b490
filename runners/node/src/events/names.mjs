// The platform events and the handlers for them (reference §9.1): slug in x-netlify-event → member of the exported object.

export const EventHeader = 'x-netlify-event';

export const HandlerNames = new Map([
  ['deploy_building', 'deployBuilding'],
  ['deploy_succeeded', 'deploySucceeded'],
  ['deploy_failed', 'deployFailed'],
  ['deploy_deleted', 'deployDeleted'],
  ['deploy_locked', 'deployLocked'],
  ['deploy_unlocked', 'deployUnlocked'],
  ['submission_created', 'formSubmitted'],
  ['identity_login', 'userLogin'],
  ['identity_signup', 'userSignup'],
  ['identity_validate', 'userValidate'],
  ['identity_usermodified', 'userModified'],
  ['identity_userdeleted', 'userDeleted'],
]);

/** Whether an exported object handles any platform event. */
export function hasEventHandlers(exported) {
  for (const name of HandlerNames.values()) if (typeof exported[name] === 'function') return true;
  return false;
}
