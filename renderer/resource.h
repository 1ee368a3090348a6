// One resource, as the renderer's table knows it.
#pragma once

#include <cstdint>
#include <memory>

#include "base/ids.h"
#include "renderer/known_to.h"
#include "renderer/storage/storage.h"

namespace viaduct {

struct Resource {
    const ResourceId id;
    const std::unique_ptr<Storage> storage;  // never null
    // With the lock of the tables held:
    KnownTo known_to = {};  // native contexts
    void* priv = nullptr;   // the VMM's
};

}  // namespace viaduct
