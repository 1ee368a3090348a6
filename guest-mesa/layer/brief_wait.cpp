#include "guest-mesa/layer/brief_wait.h"

#include <sched.h>

namespace viaduct::guest {

void BriefWait::step_aside() {
    ::sched_yield();
}

}  // namespace viaduct::guest
