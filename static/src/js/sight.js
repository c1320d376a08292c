// What of our frame the person really sees: the portal scrolls the page around us, and does not say so.

/** How many pixels of the frame are out of sight, above and below. */
export function outOfSight() {
  return new Promise((resolve) => {
    const watch = new IntersectionObserver(([{ isIntersecting, intersectionRect }]) => {
      watch.disconnect();
      const { top, bottom } = isIntersecting ? intersectionRect : { top: 0, bottom: window.innerHeight };
      resolve({ above: Math.max(0, top), below: Math.max(0, window.innerHeight - bottom) });
    });
    watch.observe(document.documentElement);
  });
}
