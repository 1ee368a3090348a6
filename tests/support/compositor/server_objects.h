// Objects of the compositor's clients: libwayland-server's side of compositor.h.
#pragma once

#include <wayland-server.h>

#include "tests/support/compositor/compositor.h"

namespace viaduct::test {

inline Compositor& of(wl_resource* resource) {
    return compositor_of(wl_resource_get_user_data(resource));
}
/// Implements a global: its objects carry the compositor.
template <const auto& kImplementation, const auto& kInterface>
void bind(wl_client* client, void* data, uint32_t version, uint32_t id) {
    wl_resource* resource = wl_resource_create(client, &kInterface, static_cast<int>(version), id);
    wl_resource_set_implementation(resource, &kImplementation, data, nullptr);
}

}  // namespace viaduct::test
