// SharedFd: one file descriptor with several owners.
#pragma once

#include <memory>

#include "base/unique_fd.h"

namespace viaduct {

/// Closed when the last owner lets go. Null: none.
using SharedFd = std::shared_ptr<const UniqueFd>;

}  // namespace viaduct
