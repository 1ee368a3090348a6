// What serves virgl, Venus and 2D: the system's virglrenderer, else software.
#include "renderer/provider.h"
#include "renderer/software_2d.h"

namespace viaduct {

namespace {

class SoftwareProvider : public ClassicProvider {
  public:
    CapsetInfo capset(uint32_t) override { return {}; }
    Result<std::unique_ptr<ClassicRenderer>> start(const InitRequest&) override {
        return std::make_unique<Software2d>();
    }
};

}  // namespace

std::unique_ptr<ClassicProvider> default_classic_provider() {
    return std::make_unique<SoftwareProvider>();
}

}  // namespace viaduct
