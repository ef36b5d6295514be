/* What the library was built from. The name of its file says so too, but a file can be renamed. */

#include "scalars.h"

EXPORT const char *lakelanes_digest(void) { return LAKELANES_DIGEST; }
