// The portal around us, through the vendor's SDK. Null when the page is not in a portal's frame.
import { initializeB24Frame } from "@bitrix24/b24jssdk";

const framed = window.parent !== window && /^[^|]+\|[01]\|.+/.test(window.name);

/** @type {Promise<import("@bitrix24/b24jssdk").B24Frame | null>} */
export const portal = framed
  ? initializeB24Frame().catch((error) => {
      console.warn("no connection to the portal's frame", error);
      return null;
    })
  : Promise.resolve(null);
