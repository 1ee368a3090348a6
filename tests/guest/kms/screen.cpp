#include "tests/guest/kms/screen.h"

#include <drm_fourcc.h>
#include <fcntl.h>
#include <poll.h>
#include <xf86drm.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <system_error>

namespace viaduct::kms {

namespace {

constexpr int kPatienceMs = 60'000;

void check(int result, const char* what) {
    if (result != 0) throw std::system_error(errno, std::generic_category(), what);
}

template <typename Object, void (*free)(Object*)>
struct Free {
    void operator()(Object* object) const { free(object); }
};
using Resources = std::unique_ptr<drmModeRes, Free<drmModeRes, drmModeFreeResources>>;
using Connector = std::unique_ptr<drmModeConnector, Free<drmModeConnector, drmModeFreeConnector>>;

}  // namespace

Screen::Screen(uint32_t width, uint32_t height)
    : card_(::open("/dev/dri/card0", O_RDWR | O_CLOEXEC)) {
    if (!card_) check(-1, "/dev/dri/card0");
    const Resources resources(drmModeGetResources(card_.get()));
    if (!resources || resources->count_connectors < 1 || resources->count_crtcs < 1)
        throw std::runtime_error("the device has no screen");
    const Connector connector(drmModeGetConnector(card_.get(), resources->connectors[0]));
    if (!connector) throw std::runtime_error("the connector is gone");
    connector_ = connector->connector_id;
    crtc_ = resources->crtcs[0];
    for (int i = 0; i < connector->count_modes; ++i)
        if (connector->modes[i].hdisplay == width && connector->modes[i].vdisplay == height)
            mode_ = connector->modes[i];
    if (mode_.hdisplay == 0) throw std::runtime_error("the screen has no such mode");
}

Screen::~Screen() = default;

uint32_t Screen::add(int dmabuf, uint32_t stride, uint32_t offset) const {
    uint32_t handle = 0;
    check(drmPrimeFDToHandle(card_.get(), dmabuf, &handle), "drmPrimeFDToHandle");
    const uint32_t handles[4] = {handle};
    const uint32_t strides[4] = {stride};
    const uint32_t offsets[4] = {offset};
    uint32_t framebuffer = 0;
    check(drmModeAddFB2(card_.get(), mode_.hdisplay, mode_.vdisplay, DRM_FORMAT_XRGB8888, handles,
                        strides, offsets, &framebuffer, 0),
          "drmModeAddFB2");
    return framebuffer;
}

void Screen::show(uint32_t framebuffer) {
    if (!shown_) {
        check(drmModeSetCrtc(card_.get(), crtc_, framebuffer, 0, 0, &connector_, 1, &mode_),
              "drmModeSetCrtc");
        shown_ = true;
        return;
    }
    check(drmModePageFlip(card_.get(), crtc_, framebuffer, DRM_MODE_PAGE_FLIP_EVENT, nullptr),
          "drmModePageFlip");
    pollfd ready{card_.get(), POLLIN, 0};
    if (::poll(&ready, 1, kPatienceMs) != 1) throw std::runtime_error("no event of the page flip");
    drmEventContext handlers{};
    handlers.version = 2;
    check(drmHandleEvent(card_.get(), &handlers), "drmHandleEvent");
}

}  // namespace viaduct::kms
