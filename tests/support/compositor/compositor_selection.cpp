// The compositor's clipboard: what the client sets, and what others have set.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <wayland-server.h>

#include "tests/support/compositor/compositor.h"
#include "tests/support/compositor/server_objects.h"

namespace viaduct::test {

namespace {

constexpr struct wl_data_source_interface kDataSource = {
    .offer = [](wl_client*, wl_resource* source,
                const char* type) { of(source).selection.types.emplace_back(type); },
    .destroy = destroy_resource,
    .set_actions = [](wl_client*, wl_resource*, uint32_t) {},
};

constexpr struct wl_data_offer_interface kDataOffer = {
    .accept = [](wl_client*, wl_resource*, uint32_t,
                 const char* type) { EXPECT_EQ(type, nullptr) << "takes what is dragged"; },
    .receive = [](wl_client*, wl_resource* offer, const char* type,
                  int32_t fd) { of(offer).selection.wanted.emplace_back(type, UniqueFd(fd)); },
    .destroy = destroy_resource,
    .finish = [](wl_client*, wl_resource*) {},
    .set_actions = [](wl_client*, wl_resource*, uint32_t, uint32_t) {},
};

constexpr struct wl_data_device_interface kDataDevice = {
    .start_drag = [](wl_client*, wl_resource*, wl_resource*, wl_resource*, wl_resource*,
                     uint32_t) {},
    .set_selection =
        [](wl_client*, wl_resource* device, wl_resource* source, uint32_t serial) {
            of(device).selection.source = source;
            of(device).selection.serial = serial;
        },
    .release = destroy_resource,
};

constexpr struct wl_data_device_manager_interface kDataManager = {
    .create_data_source =
        [](wl_client* client, wl_resource* manager, uint32_t id) {
            wl_resource* source = wl_resource_create(client, &wl_data_source_interface,
                                                     wl_resource_get_version(manager), id);
            of(manager).selection.types.clear();
            wl_resource_set_implementation(source, &kDataSource, &of(manager),
                                           [](wl_resource* gone) {
                                               auto& selection = of(gone).selection;
                                               if (selection.source == gone)
                                                   selection.source = nullptr;
                                           });
        },
    .get_data_device =
        [](wl_client* client, wl_resource* manager, uint32_t id, wl_resource*) {
            wl_resource* device = wl_resource_create(client, &wl_data_device_interface,
                                                     wl_resource_get_version(manager), id);
            of(manager).selection.device = device;
            wl_resource_set_implementation(
                device, &kDataDevice, &of(manager),
                [](wl_resource* gone) { of(gone).selection.device = nullptr; });
        },
};

wl_resource* introduce(ServerSelection& selection, const std::vector<std::string>& types) {
    wl_resource* offer =
        wl_resource_create(wl_resource_get_client(selection.device), &wl_data_offer_interface,
                           wl_resource_get_version(selection.device), 0);
    ++selection.offers;
    wl_resource_set_implementation(offer, &kDataOffer, &of(selection.device),
                                   [](wl_resource* gone) { --of(gone).selection.offers; });
    wl_data_device_send_data_offer(selection.device, offer);
    for (const std::string& type : types) wl_data_offer_send_offer(offer, type.c_str());
    return offer;
}

}  // namespace

void offer_selection(Compositor& compositor) {
    wl_global_create(compositor.display, &wl_data_device_manager_interface, 3, &compositor,
                     bind<kDataManager, wl_data_device_manager_interface>);
}

void ServerSelection::offer(const std::vector<std::string>& offered) {
    wl_data_device_send_selection(device, offered.empty() ? nullptr : introduce(*this, offered));
}

void ServerSelection::drag(wl_resource* surface, const std::vector<std::string>& offered) {
    wl_data_device_send_enter(device, 1, surface, 0, 0, introduce(*this, offered));
    wl_data_device_send_drop(device);
    wl_data_device_send_leave(device);
}

UniqueFd ServerSelection::read(const std::string& type) const {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    wl_data_source_send_send(source, type.c_str(), ends[1]);
    ::close(ends[1]);
    return UniqueFd(ends[0]);
}

void ServerSelection::cancel() const {
    wl_data_source_send_cancelled(source);
}

}  // namespace viaduct::test
