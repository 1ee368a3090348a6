#include "renderer/instance.h"

#include "renderer/log_output.h"

namespace viaduct {

namespace {

std::unique_ptr<Renderer>& slot() {
    static auto& renderer = *new std::unique_ptr<Renderer>([] {
        configure_log();
        return std::make_unique<Renderer>(default_host_factory(), default_classic_provider());
    }());
    return renderer;
}

}  // namespace

Renderer& instance() {
    return *slot();
}

void replace_instance(std::unique_ptr<Renderer> renderer) {
    slot() = std::move(renderer);
}

}  // namespace viaduct
