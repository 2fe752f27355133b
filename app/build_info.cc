#include "app/build_info.h"

namespace headgate {

std::string_view Commit() { return HEADGATE_COMMIT; }

}  // namespace headgate
